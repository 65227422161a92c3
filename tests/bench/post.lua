-- For wrk: posts one mail of BODY_BYTES octets again and again.
local size = tonumber(os.getenv("BODY_BYTES"))
local line = string.rep("x", 35) .. "." .. string.rep("y", 36) .. "\r\n"
local head = "Subject: bench\r\n\r\n"
local body = head .. string.rep(line, math.floor((size - #head) / #line))

wrk.method = "POST"
wrk.path = "/mail"
wrk.body = body .. string.rep("z", size - #body)
wrk.headers["Content-Type"] = "message/rfc822"
wrk.headers["X-Ehlo"] = "bench.example.com"
wrk.headers["X-Envelope-Sender"] = "c2VuZGVyQGV4YW1wbGUuY29t"
wrk.headers["X-Envelope-Recipient"] = "cmNwdEBleGFtcGxlLm5ldA=="

-- What wrk prints for people is not for programs.
function done(summary, latency, requests)
    io.stderr:write(string.format("%d %d %d\n", summary.requests,
        summary.errors.status, summary.errors.connect + summary.errors.read
        + summary.errors.write + summary.errors.timeout))
end
