"""The closed form, compiled for x86-64-v4; all of it is in closed_form.pxi."""

include "closed_form.pxi"
