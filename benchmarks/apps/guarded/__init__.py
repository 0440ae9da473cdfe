"""One small page of JSON behind one of a framework's own middlewares, which the environment names (`BENCH_GUARD`)."""
