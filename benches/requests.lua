-- For wrk: `wrk … URL -- [PATH COUNT]`. PATH, which string.format fills, is asked for with any of the numbers
-- below COUNT; without it, the path of URL is.
function setup(thread)
  threads = (threads or 0) + 1
  thread:set("seed", threads)
end

function init(arguments)
  local path, count = arguments[1], tonumber(arguments[2])
  if path then
    math.randomseed(seed)
    request = function()
      return wrk.format(nil, path:format(math.random(0, count - 1)))
    end
  end
end
