"""Screens in the dashboard: who may open one, who drives it, and the websocket that carries it."""
