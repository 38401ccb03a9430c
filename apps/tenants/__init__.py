"""Who: users, tenants, members, API keys, and the scope that every tenant-owned query needs."""
