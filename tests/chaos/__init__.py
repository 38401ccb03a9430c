"""`make chaos`: a whole stack under load while everything in it dies, judged by the stand-in's own record."""
