"""Where every approved order stands at each destination, in orders and money, and what is at risk."""
