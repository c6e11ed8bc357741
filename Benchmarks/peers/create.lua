-- wrk that makes accounts without a password, each with an address of its own.
local count = 0

function setup(thread)
  count = count + 1
  thread:set("number", count)
end

function init(args)
  token, run, made = args[1], args[2], 0
end

function request()
  made = made + 1
  local email = "u" .. number .. "-" .. made .. "-" .. run .. "@example.org"
  return wrk.format("POST", "/api/v1/users", {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. token},
                    '{"email":"' .. email .. '","name":"Somebody"}')
end
