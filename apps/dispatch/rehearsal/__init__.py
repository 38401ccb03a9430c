"""An outage on a virtual clock: what would become of the sales, by the very rules that deliver the real ones."""
