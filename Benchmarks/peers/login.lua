-- wrk that logs in: everybody with the same account, or each time with another address that has none.
local count = 0

function setup(thread)
  count = count + 1
  thread:set("number", count)
end

function init(args)
  known, tried = args[1] == "known", 0
end

function request()
  tried = tried + 1
  local email = known and "a@example.org" or ("nobody" .. number .. "-" .. tried .. "@example.org")
  return wrk.format("POST", "/api/auth/login", {["Content-Type"] = "application/json"},
                    '{"email":"' .. email .. '","password":"correct horse battery"}')
end
