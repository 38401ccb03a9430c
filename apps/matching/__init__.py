"""Which click brought this conversion, how sure that is, and why every other candidate lost."""
