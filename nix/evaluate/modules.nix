# agent.nix and what it imports → a list of { file, config }.
{ tree, load, inTree, arguments }:
let
  inherit (builtins)
    attrNames concatStringsSep filter functionArgs genList isAttrs isFunction isList isPath isString length map
    removeAttrs elemAt stringLength substring toString typeOf;

  notSettings = [ "_class" "_file" "disabledModules" "freeformType" "imports" "key" "meta" ];
  relative = path: substring (stringLength tree + 1) (-1) (toString path);

  apply = file: module:
    let
      wanted = functionArgs module;
      missing = filter (name: !(arguments ? ${name}) && !wanted.${name}) (attrNames wanted);
    in
    if missing == [ ] then module arguments
    else throw "${file} asks for the argument ${elemAt missing 0}, which does not exist here; there are ${concatStringsSep ", " (attrNames arguments)}";

  settings = file: module:
    let others = attrNames (removeAttrs module (notSettings ++ [ "config" "options" ])); in
    if module ? _type then module
    else if module ? disabledModules then throw "${file}: disabledModules is not supported"
    else if module ? config || module ? options then
      if others == [ ] then module.config or { }
      else throw "${file}: ${elemAt others 0} stands beside config or options; move it into config"
    else removeAttrs module notSettings;

  item = parent: number: module:
    let
      isFile = isPath module || isString module;
      path = inTree "imports" module;
      file = if isFile then relative path else parent.file;
      value = if isFile then load path else module;
      applied = if isFunction value then apply file value else value;
      body =
        if isAttrs applied then applied
        else throw "${file}: a set of settings or a function that gives one is expected, not ${typeOf applied}";
    in
    {
      key = if isFile then toString path else "${parent.key}#${toString number}";
      inherit file body;
    };

  imports = parent:
    let list = if parent.body ? _type then [ ] else parent.body.imports or [ ]; in
    if isList list then genList (n: item parent n (elemAt list n)) (length list)
    else throw "${parent.file}: imports must be a list, as in [ ./other.nix ]";
in
map (module: { inherit (module) file; value = settings module.file module.body; }) (builtins.genericClosure {
  startSet = [ (item { key = ""; file = "agent.nix"; } 0 (/. + "${tree}/agent.nix")) ];
  operator = imports;
})
