-- `:checkhealth tinycode`

local config = require("tinycode.config")

local M = {}

-- The names of these functions changed in Neovim 0.10.
local health = vim.health or {}
local start = health.start or require("health").report_start
local ok = health.ok or require("health").report_ok
local warn = health.warn or require("health").report_warn
local error = health.error or require("health").report_error

local function run(arguments)
  local text = vim.fn.system(arguments)
  return vim.v.shell_error == 0, vim.trim(text)
end

-- What a daemon that runs says of its trust levels; none is started for this.
local function check_levels()
  local client = require("tinycode.client").any()
  local answer = client and client.ask("status", vim.empty_dict())
  if not answer then
    return ok("trust levels: open a Python file to see which work here")
  end
  for _, name in ipairs({ "local", "isolated", "sandboxed" }) do
    local level = answer.trust_levels[name]
    if level.available then
      -- Null is `vim.NIL` or nothing, as the version of Neovim will have it.
      local version = level.python_version
      local python = type(version) == "string" and (", Python " .. version) or ""
      ok(("trust level %s: %s%s"):format(name, level.engine, python))
      for _, what in ipairs(level.missing or {}) do
        warn(("trust level %s: not enforced on this system: %s"):format(name, what))
      end
    else
      warn(("trust level %s: %s"):format(name, tostring(level.reason)))
    end
  end
end

function M.check()
  start("tinycode")
  if vim.fn.has("nvim-0.7.2") == 1 then
    ok("Neovim is new enough")
  else
    error("Neovim 0.7.2 or newer is needed")
  end
  local binary = config.options.cmd[1]
  if vim.fn.executable(binary) == 0 then
    return error(("'%s' is not on PATH"):format(binary), {
      "install it: cargo install --path . in tinycode's source",
      'or say where it is: require("tinycode").setup { cmd = { "/path/to/tinycode", "serve" } }',
    })
  end
  local succeeded, version = run({ binary, "--version" })
  if not succeeded then
    return error(("'%s' does not run: %s"):format(binary, version))
  end
  ok(("%s is %s"):format(version, vim.fn.exepath(binary)))
  check_levels()
  local key = (config.options.env or {}).OPENAI_API_KEY or vim.env.OPENAI_API_KEY
  local session = config.options.session or {}
  if key or session.api_key or session.base_url or (session.model or ""):match("^replay:") then
    ok("tasks: a model is configured")
  else
    warn("tasks: no key for a model", { "set OPENAI_API_KEY, or session.base_url to a server that wants none" })
  end
end

return M
