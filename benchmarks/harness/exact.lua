-- Sends exactly the bytes of the file named by BENCH_REQUEST, and prints what was counted as one line of JSON.
-- A global `request` function would run Lua for each request; replacing `wrk.format` keeps wrk's fast path.
local file = assert(io.open(os.getenv("BENCH_REQUEST"), "rb"))
local bytes = file:read("*a")
file:close()

wrk.format = function() return bytes end

function done(summary, latency, requests)
  local failures = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50": %.1f, "p99": %.1f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    failures.status, failures.connect + failures.read + failures.write + failures.timeout
  ))
end
