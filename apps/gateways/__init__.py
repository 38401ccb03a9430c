"""What payment gateways say, put into one vocabulary. Pure: no Django, no I/O, no clock of its own.

A caller needs no more than `registry.get_adapter(slug)`, `adapter.verify(...)` and `adapter.parse(...)`.
"""
