"""The closed form, compiled for every machine; all of it is in closed_form.pxi."""

include "closed_form.pxi"
