"""Meetings, the people in them, and their negotiation: offers in, answers out."""
