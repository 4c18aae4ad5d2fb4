"""The cores: scalars and arrays in, arrays out; nothing here imports the rest of sharp."""
