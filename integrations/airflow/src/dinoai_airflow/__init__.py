"""Runs of Paradime's DinoAI agents as tasks of Airflow."""

from dinoai_airflow.operator import DinoaiRunOperator

__all__ = ["DinoaiRunOperator"]
