-- Sends one prepared head with eight fresh hexadecimal digits in it, and prints what came of it as JSON.
local before, after

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local head = file:read("*a")
  file:close()
  local mark = assert(head:find("@@@@@@@@", 1, true))
  before, after = head:sub(1, mark - 1), head:sub(mark + 8)
  math.randomseed(os.time())
end

function request()
  return before .. string.format("%08x", math.random(0, 2147483647)) .. after
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "bytes": %d, "seconds": %.6f, "errors": %d, "p50": %.1f}\n',
    summary.requests, summary.bytes, summary.duration / 1e6,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50)))
end
