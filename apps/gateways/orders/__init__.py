"""The orders API: any shop or checkout, in the schema that Utmify made common in Brazil or in the hub's own."""
