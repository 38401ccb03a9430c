"""The embedded default: everything hubtrack needs, started from this checkout and ended with it.

Reading order: `cli` (what a person types), `startup` (the order), `programs` (the table of processes),
`supervisor` (how each is kept alive), `postgres` and `redis_server` (the two real servers), `state` (what the
data directory holds).
Nothing here imports Django or an app: the stack must be able to explain itself when they cannot be imported.
"""
