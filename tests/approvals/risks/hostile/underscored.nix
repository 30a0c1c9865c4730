{ config, lib, pkgs, ... }:
{
  hyperhive.project = (__getFlake "github:example/x").name;
}
