"""The vertical and the horizontal network of cooperation, by stage."""
