"""Numbers: arrays in, frozen records out. No pandas, no labels, no files."""
