-- wrk: a person who is signed in and has consented: GET BENCH_AUTHORIZE with BENCH_COOKIE, then
-- POST BENCH_TOKEN with the code that came back; "@" in BENCH_BODY is the code. So two requests are
-- one flow. Codes wait in a list, since connections take turns.
dofile(os.getenv("BENCH_FOLDER") .. "/summary.lua")

local authorize, codes = nil, {}
local form = {
  ["Content-Type"] = "application/x-www-form-urlencoded",
  ["Authorization"] = os.getenv("BENCH_AUTH"),
}
local before, behind = os.getenv("BENCH_BODY"):match("^(.*)@(.*)$")

function init()
  form["Host"] = wrk.headers["Host"]
  authorize = wrk.format("GET", os.getenv("BENCH_AUTHORIZE"),
    { ["Host"] = wrk.headers["Host"], ["Cookie"] = os.getenv("BENCH_COOKIE") })
end

function request()
  local code = table.remove(codes)
  if code == nil then
    return authorize
  end
  return wrk.format("POST", os.getenv("BENCH_TOKEN"), form, before .. code .. behind)
end

function response(status, headers)
  if status == 302 or status == 303 then
    local location = headers["Location"] or headers["location"] or ""
    codes[#codes + 1] = location:match("[?&]code=([^&]+)")
  end
end
