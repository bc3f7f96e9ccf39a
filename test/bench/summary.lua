-- wrk: the end of every script here: what happened, as one line of JSON.
function done(summary, latency)
  local e = summary.errors
  print(string.format('BENCH {"requests":%d,"us":%d,"bytes":%d,"status_errors":%d,' ..
    '"socket_errors":%d,"p50_us":%d,"p99_us":%d,"max_us":%d}',
    summary.requests, summary.duration, summary.bytes, e.status,
    e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99),
    latency.max))
end
