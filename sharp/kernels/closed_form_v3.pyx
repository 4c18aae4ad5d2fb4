"""The closed form, compiled for x86-64-v3; all of it is in closed_form.pxi."""

include "closed_form.pxi"
