-- wrk's side of bench/serve.py: wrk -s load.lua URL -- FOLDER COUNT
-- Posts FOLDER/0.body, FOLDER/1.body ... in turns, with the headers in FOLDER/<n>.headers
-- (NAME=VALUE a line); one line of JSON at the end.

local requests, turn = {}, 0

local function lines_of(path, headers)
  local file = io.open(path, "r")
  if not file then return headers end
  for line in file:lines() do
    local name, value = line:match("^([^=]+)=(.*)$")
    if name then headers[name] = value end
  end
  file:close()
  return headers
end

function init(args)
  local folder, count = args[1], tonumber(args[2])
  for number = 0, count - 1 do
    local file = assert(io.open(folder .. "/" .. number .. ".body", "rb"))
    local headers = lines_of(folder .. "/" .. number .. ".headers", {})
    requests[number] = wrk.format("POST", nil, headers, file:read("*a"))
    file:close()
  end
end

function request()
  turn = (turn + 1) % (#requests + 1)
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.4f, "p99_ms": %.4f, "worst_ms": %.4f, ' ..
    '"refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
