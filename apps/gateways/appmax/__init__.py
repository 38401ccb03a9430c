"""Appmax: the webhooks of its dashboard, in each of the models a seller can choose there."""
