"""Steps of watermark benchmarks: embed messages, detect them after distortions, and measure computational cost."""
