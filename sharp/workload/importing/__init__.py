"""Networks out of the files of other tools: what their recurrent layers are, what feeds what, what else they hold.

Each tool's library is loaded when one of its files is read, never before; weights are looked at for their sizes only.
"""
