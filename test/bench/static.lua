-- wrk: one request, the same again and again (built once, so the load costs little).
-- BENCH_METHOD, BENCH_BODY, BENCH_TYPE (content type), BENCH_AUTH (Authorization) say which.
dofile(os.getenv("BENCH_FOLDER") .. "/summary.lua")

wrk.method = os.getenv("BENCH_METHOD")
wrk.body = os.getenv("BENCH_BODY")
wrk.headers["Content-Type"] = os.getenv("BENCH_TYPE")
wrk.headers["Authorization"] = os.getenv("BENCH_AUTH")
