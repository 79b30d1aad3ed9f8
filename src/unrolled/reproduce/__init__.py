"""The notebook's two experiments, run again and held against the figures that it printed."""
