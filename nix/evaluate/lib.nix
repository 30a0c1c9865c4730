# What agent.nix gets as `lib`: the part of nixpkgs' lib that configurations use to say values, with its meaning there.
{ builtins }:
let
  inherit (builtins)
    all any attrNames attrValues concatLists concatMap concatStringsSep elem elemAt filter foldl' genList
    hasAttr head isAttrs isFunction isInt isList isString length listToAttrs map mapAttrs match removeAttrs replaceStrings
    split stringLength substring tail toJSON toString;

  override = priority: content: { _type = "override"; inherit priority content; };
  order = priority: content: { _type = "order"; inherit priority content; };
in
rec {
  # Properties of the module system.
  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkMerge = contents: { _type = "merge"; inherit contents; };
  mkOverride = override;
  mkOptionDefault = override 1500;
  mkDefault = override 1000;
  mkImageMediaOverride = override 60;
  mkForce = override 50;
  mkVMOverride = override 10;
  mkOrder = order;
  mkBefore = order 500;
  mkAfter = order 1500;
  mkAssert = assertion: message: content: mkIf (if assertion then true else throw message) content;

  # Lists.
  optional = condition: value: if condition then [ value ] else [ ];
  optionals = condition: list: if condition then list else [ ];
  singleton = value: [ value ];
  toList = value: if isList value then value else [ value ];
  forEach = list: function: map function list;
  flatten = value: if isList value then concatMap flatten value else [ value ];
  unique = foldl' (done: value: if elem value done then done else done ++ [ value ]) [ ];
  range = first: last: if first > last then [ ] else genList (n: first + n) (last - first + 1);
  imap0 = function: list: genList (n: function n (elemAt list n)) (length list);
  imap1 = function: list: genList (n: function (n + 1) (elemAt list n)) (length list);
  foldr = function: nul: list:
    let go = n: if n == length list then nul else function (elemAt list n) (go (n + 1)); in go 0;
  foldl = foldl';
  fold = foldr;
  subtractLists = remove: filter (value: !(elem value remove));
  remove = value: filter (other: other != value);
  last = list: elemAt list (length list - 1);
  init = list: genList (elemAt list) (length list - 1);
  take = count: list: genList (elemAt list) (if count < length list then count else length list);
  drop = count: list: genList (n: elemAt list (n + count)) (max 0 (length list - count));
  zipListsWith = function: one: two:
    genList (n: function (elemAt one n) (elemAt two n)) (min (length one) (length two));
  reverseList = list: genList (n: elemAt list (length list - n - 1)) (length list);
  count = predicate: list: length (filter predicate list);
  findFirst = predicate: default: list:
    let found = filter predicate list; in if found == [ ] then default else head found;

  # Sets.
  optionalAttrs = condition: set: if condition then set else { };
  genAttrs = names: function: listToAttrs (map (name: nameValuePair name (function name)) names);
  nameValuePair = name: value: { inherit name value; };
  mapAttrs' = function: set: listToAttrs (map (name: function name set.${name}) (attrNames set));
  mapAttrsToList = function: set: map (name: function name set.${name}) (attrNames set);
  attrsToList = mapAttrsToList nameValuePair;
  concatMapAttrs = function: set: foldl' (all: more: all // more) { } (mapAttrsToList function set);
  filterAttrs = predicate: set: removeAttrs set (filter (name: !(predicate name set.${name})) (attrNames set));
  mergeAttrs = one: two: one // two;
  mergeAttrsList = foldl' mergeAttrs { };
  recursiveUpdate = one: two:
    one // mapAttrs (name: value:
      if isAttrs value && isAttrs (one.${name} or null) then recursiveUpdate one.${name} value else value) two;
  attrByPath = path: default: set:
    if path == [ ] then set
    else if isAttrs set && hasAttr (head path) set then attrByPath (tail path) default set.${head path}
    else default;
  hasAttrByPath = path: set:
    path == [ ] || (isAttrs set && hasAttr (head path) set && hasAttrByPath (tail path) set.${head path});
  getAttrFromPath = path: attrByPath path (throw "lib.getAttrFromPath: there is no ${concatStringsSep "." path}");
  setAttrByPath = path: value: if path == [ ] then value else { ${head path} = setAttrByPath (tail path) value; };
  getAttrs = names: set: genAttrs names (name: set.${name});

  # Text.
  optionalString = condition: text: if condition then text else "";
  concatStrings = concatStringsSep "";
  concatMapStrings = function: list: concatStrings (map function list);
  concatMapStringsSep = separator: function: list: concatStringsSep separator (map function list);
  concatLines = concatMapStrings (line: line + "\n");
  splitString = separator: text:
    filter isString (split (escapeRegex separator) text);
  escapeRegex = replaceStrings
    [ "\\" "[" "]" "{" "}" "(" ")" "^" "$" "*" "+" "?" "." "|" ]
    [ "\\\\" "\\[" "\\]" "\\{" "\\}" "\\(" "\\)" "\\^" "\\$" "\\*" "\\+" "\\?" "\\." "\\|" ];
  escapeShellArg = text: "'${replaceStrings [ "'" ] [ "'\\''" ] (toString text)}'";
  escapeShellArgs = concatMapStringsSep " " escapeShellArg;
  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  hasSuffix = suffix: text:
    let start = stringLength text - stringLength suffix; in start >= 0 && substring start (-1) text == suffix;
  hasInfix = infix: text: length (splitString infix text) > 1;
  removePrefix = prefix: text: if hasPrefix prefix text then substring (stringLength prefix) (-1) text else text;
  removeSuffix = suffix: text:
    if hasSuffix suffix text then substring 0 (stringLength text - stringLength suffix) text else text;
  toLower = replaceStrings upper lower;
  toUpper = replaceStrings lower upper;
  trim = text: head (match "[ \t\r\n]*(.*[^ \t\r\n]|)[ \t\r\n]*" text);
  fileContents = file: removeSuffix "\n" (builtins.readFile file);
  boolToString = value: if value then "true" else "false";
  lower = chars "abcdefghijklmnopqrstuvwxyz";
  upper = chars "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  chars = text: genList (n: substring n 1 text) (stringLength text);
  stringToCharacters = chars;
  isStringLike = isString;

  # The rest.
  id = value: value;
  const = value: _: value;
  pipe = foldl' (value: function: function value);
  flip = function: one: two: function two one;
  max = one: two: if one > two then one else two;
  min = one: two: if one < two then one else two;
  mod = base: int: base - (int * (builtins.div base int));
  warn = message: value: builtins.trace "warning: ${message}" value;
  warnIf = condition: message: if condition then warn message else id;
  throwIf = condition: message: if condition then throw message else id;
  throwIfNot = condition: throwIf (!condition);
  assertMsg = condition: message: if condition then true else throw message;
  importJSON = file: builtins.fromJSON (builtins.readFile file);
  importTOML = file: builtins.fromTOML (builtins.readFile file);
  versionAtLeast = one: two: builtins.compareVersions one two >= 0;
  versionOlder = one: two: builtins.compareVersions one two < 0;

  inherit (builtins)
    add all any attrNames attrValues catAttrs compareVersions concatLists concatMap concatStringsSep deepSeq elem elemAt
    filter foldl' fromJSON functionArgs genList getAttr groupBy hasAttr hashString head intersectAttrs isAttrs
    isBool isFloat isFunction isInt isList isString length lessThan listToAttrs map mapAttrs match partition pathExists
    readDir readFile removeAttrs replaceStrings seq sort split splitVersion stringLength sub substring tail toJSON
    toString trace tryEval typeOf zipAttrsWith;
}
