# Definitions of one value by several files: properties resolved, the highest priority kept, the rest merged.
# A definition is { file, value }; files are named relative to the tree.
let
  inherit (builtins)
    all attrNames concatLists concatMap elemAt filter foldl' genList head isAttrs isBool isFunction isList isPath length
    listToAttrs map mapAttrs sort stringLength substring tail toJSON;

  plainPriority = 100;
  plainOrder = 1000;

  propertyNames = { "if" = "lib.mkIf"; merge = "lib.mkMerge"; override = "lib.mkForce"; order = "lib.mkOrder"; };
  property = value: if isAttrs value then value._type or null else null;

  # A set of settings with properties around it: the properties move down to each setting, unread.
  pushDown = { file, value }@definition:
    let
      inner = wrap: map
        (one: one // { value = mapAttrs (_: wrap) one.value; })
        (pushDown { inherit file; value = value.content; });
      kind = property value;
    in
    if kind == "merge" then concatMap (one: pushDown { inherit file; value = one; }) value.contents
    else if kind == "if" then inner (content: { _type = "if"; inherit (value) condition; inherit content; })
    else if kind == "override" || kind == "order" then
      inner (content: { _type = kind; inherit (value) priority; inherit content; })
    else if kind != null then throw "${file}: ${toJSON kind} cannot stand where settings are expected"
    else if !isAttrs value then throw "${file}: a set of settings is expected, not ${builtins.typeOf value}"
    else [ definition ];

  # One value with properties around it → the definitions that count, with priority and order.
  discharge = where: { file, value }@definition:
    let
      inner = discharge where { inherit file; value = value.content; };
      kind = property value;
    in
    if kind == "merge" then concatMap (one: discharge where { inherit file; value = one; }) value.contents
    else if kind == "if" then
      if !isBool value.condition then throw "${where}: the condition of lib.mkIf must be true or false (${file})"
      else if value.condition then inner else [ ]
    else if kind == "override" then map (one: one // { inherit (value) priority; }) inner
    else if kind == "order" then map (one: one // { order = value.priority; }) inner
    else if kind != null then throw "${where}: ${toJSON kind} is not a value (${file})"
    else [ ({ priority = plainPriority; order = plainOrder; } // definition) ];

  discharged = where: definitions:
    let
      found = concatMap (discharge where) definitions;
      best = foldl' (low: one: if one.priority < low then one.priority else low) 1000000 found;
      kept = filter (one: one.priority == best) found;
    in
    sort (one: two: one.order < two.order) kept;

  merge = where: kept:
    let
      first = head kept;
      values = map (one: one.value) kept;
      names = attrNames (foldl' (all: value: all // value) { } values);
      named = name: concatMap
        (one: if one.value ? ${name} then [ { inherit (one) file; value = one.value.${name}; } ] else [ ])
        kept;
      child = name:
        let
          inside = "${where}.${name}";
          left = discharged inside (named name);
        in
        if left == [ ] then [ ] else [ { inherit name; value = merge inside left; } ];
      different = filter (one: one.value != first.value) kept;
    in
    if all isList values then
      concatMap (one: genList (n: plain one.file "${where}[${toString n}]" (elemAt one.value n)) (length one.value)) kept
    else if all isAttrs values then listToAttrs (concatMap child names)
    else if length kept == 1 then plain first.file where first.value
    else
      let checked = map (one: plain one.file where one.value) kept; in
      if builtins.deepSeq checked (different == [ ]) then head checked
      else throw "${where} has two values: ${shown first} and ${shown (head different)}; put lib.mkForce before the one that counts";

  shown = { file, value, ... }:
    let text = toJSON value; in
    "${if stringLength text > 80 then "${substring 0 80 text}…" else text} (${file})";

  # A value as JSON can hold it.
  plain = file: where: value:
    let kind = property value; in
    if isFunction value then throw "${where}: a function is not a value (${file})"
    else if isPath value then throw "${where}: a path is not a value; builtins.readFile gives a file's text (${file})"
    else if builtins.isString value && builtins.hasContext value then
      throw "${where}: the text names a file that would be copied to the Nix store; builtins.readFile gives a file's text (${file})"
    else if kind != null then throw "${where}: ${propertyNames.${kind} or kind} cannot stand here (${file})"
    else if isList value then genList (n: plain file "${where}[${toString n}]" (elemAt value n)) (length value)
    else if isAttrs value then mapAttrs (name: plain file "${where}.${name}") value
    else value;
in
{ inherit pushDown discharged merge property; }
