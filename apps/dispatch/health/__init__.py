"""How each destination does: may it be sent to, what waits for it, and is its token good."""
