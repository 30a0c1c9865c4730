{ config, lib, pkgs, ... }:
{
  hyperhive.project = __exec [ "id" ];
}
