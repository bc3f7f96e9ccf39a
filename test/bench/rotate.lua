-- wrk: like static.lua, but "@" in BENCH_BODY is replaced by the next line of the file
-- BENCH_LINES, round and round.
dofile(os.getenv("BENCH_FOLDER") .. "/summary.lua")

local requests, next = {}, 0

function init()
  local body = os.getenv("BENCH_BODY")
  local headers = {
    ["Host"] = wrk.headers["Host"],
    ["Content-Type"] = os.getenv("BENCH_TYPE"),
    ["Authorization"] = os.getenv("BENCH_AUTH"),
  }
  for line in io.lines(os.getenv("BENCH_LINES")) do
    local filled = body:gsub("@", (line:gsub("%%", "%%%%")))
    requests[#requests + 1] = wrk.format(os.getenv("BENCH_METHOD"), nil, headers, filled)
  end
end

function request()
  next = next % #requests + 1
  return requests[next]
end
