"""Ad clicks and the sessions that they open; knows nothing of sales."""
