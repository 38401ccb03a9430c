"""What the customer configured: funnels, webhook endpoints, destinations, and their published versions."""
