"""What one alert remembers, says and costs."""
