-- wrk with one thread: refresh tokens wait in a queue for their turn, and each answer puts the next token of its session at the end of it. With more
-- sessions than connections every request rotates a token that an answer gave.
local queue, first, last = {}, 1, 0

function init(args)
  for token in io.lines(args[1]) do
    last = last + 1
    queue[last] = token
  end
end

function request()
  local token = queue[first]
  queue[first] = nil
  first = first + 1
  return wrk.format("POST", "/api/auth/refresh", {["Content-Type"] = "application/json"}, '{"refreshToken":"' .. token .. '"}')
end

function response(status, headers, body)
  if status == 200 then
    last = last + 1
    queue[last] = body:match('"refreshToken":"([^"]+)"')
  end
end
