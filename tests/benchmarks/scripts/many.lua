-- Two of the many routes in turn: a plain path, and one with a variable. Both exist with 10 routes, too.
local turn, requests = 0, {}

function init()
   requests = { wrk.format("GET", "/many/9"), wrk.format("GET", "/many/8/world") }
end

function request()
   turn = turn % 2 + 1
   return requests[turn]
end
