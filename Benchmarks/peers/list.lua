-- wrk that asks for the lines of a file by turns: each is a path, a blank, and an access token.
local requests, next = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local path, token = line:match("^(%S+) (%S+)$")
    requests[#requests + 1] = wrk.format("GET", path, {["Authorization"] = "Bearer " .. token})
  end
end

function request()
  next = next % #requests + 1
  return requests[next]
end
