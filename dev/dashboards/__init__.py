"""Grafana's dashboards: `make docs` writes them into dashboards/."""
