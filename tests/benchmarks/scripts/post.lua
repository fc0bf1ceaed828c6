-- The same JSON body again and again; its file is the script's argument.
function init(args)
   wrk.method = "POST"
   wrk.headers["Content-Type"] = "application/json"
   local file = io.open(args[1], "rb")
   wrk.body = file:read("*a")
   file:close()
end
