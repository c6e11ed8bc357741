-- wrk with one connection a thread: each carries the chain of one session, so that every request rotates a token that the answer before it gave.
local count = 0

function setup(thread)
  count = count + 1
  thread:set("number", count)
end

function init(args)
  local line = 0
  for token in io.lines(args[1]) do
    line = line + 1
    if line == number then current = token end
  end
end

function request()
  return wrk.format("POST", "/api/auth/refresh", {["Content-Type"] = "application/json"}, '{"refreshToken":"' .. current .. '"}')
end

function response(status, headers, body)
  if status == 200 then current = body:match('"refreshToken":"([^"]+)"') end
end
