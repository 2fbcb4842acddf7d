-- What users can set, and what it is where they do not.

local M = {}

local defaults = {
  -- How the daemon is started.
  cmd = { "tinycode", "serve" },
  -- Variables added to the daemon's environment, such as OPENAI_API_KEY.
  env = nil,
  -- Files that the daemon is started for.
  filetypes = { "python", "markdown", "quarto" },
  -- Whether it is started when such a file is opened, and not only by the first command.
  autostart = true,
  -- What the folder of a project holds. Code works there; without it, in the folder of its file.
  root_markers = { ".git", "pyproject.toml", "setup.py" },
  -- Options of new sessions: trust_level, model, base_url, limits, python, ...
  session = nil,
  -- Lines of output that are shown below a cell.
  max_lines = 8,
  -- In the sign column.
  signs = { queued = "◌", running = "●", ok = "✓", failed = "✗", stale = "~" },
}

M.options = vim.deepcopy(defaults)

--- Takes what the user set; what is wrong in it is an error that names it.
function M.set(options)
  options = options or {}
  for name, value in pairs(options) do
    local default = defaults[name]
    local known = default ~= nil or name == "env" or name == "session"
    if not known then
      error(("tinycode: there is no option '%s'"):format(name), 0)
    end
    local wanted = default ~= nil and type(default) or "table"
    if type(value) ~= wanted then
      error(("tinycode: option '%s' must be a %s"):format(name, wanted), 0)
    end
  end
  M.options = vim.tbl_deep_extend("force", vim.deepcopy(defaults), options)
  -- Lists are replaced, not mixed.
  for _, name in ipairs({ "cmd", "filetypes", "root_markers" }) do
    M.options[name] = options[name] or M.options[name]
  end
  return M.options
end

return M
