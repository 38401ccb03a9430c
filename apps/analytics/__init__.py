"""Read models over what the lines below have stored; writes nothing and owns no rows."""
