"""Which address the visitor has: believed from a proxy's header only as far as proxies of ours wrote it."""

import ipaddress


def client_ip(remote_address: str, forwarded_for: str, trusted_proxies: int) -> str | None:
    """The visitor's address, or None when it is not an address.

    Each trusted proxy appends the address that it saw at the right of X-Forwarded-For, so with n proxies the visitor is
    the n-th entry from the right; anything further left is what the visitor claims.
    """
    chain = [entry.strip() for entry in forwarded_for.split(",") if entry.strip()]
    believed = chain[-trusted_proxies] if 0 < trusted_proxies <= len(chain) else remote_address
    try:
        address = ipaddress.ip_address(believed.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
