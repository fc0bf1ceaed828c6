-- A signed GET again and again; its header `key` is the script's argument.
function init(args)
   wrk.headers["key"] = args[1]
end
