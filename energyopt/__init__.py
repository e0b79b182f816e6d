"""Size the power plant of an AI data center against every hour of a real year."""

__version__ = "0.1.0"
